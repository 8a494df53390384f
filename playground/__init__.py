"""Token Playground: a small language model writes, one character at a time.

The packages, from the top; each imports only those below it (the contracts in pyproject.toml):

    cli/            commands: `token-playground`, train, evaluate, publish
    app             composition root: settings -> service -> API + page -> ASGI application
    page/           the Gradio page: blocks, components, head, routes, config, gradio_patches
    api/            the HTTP API: app, routes/, schemas/, errors, middleware, Gradio endpoints
    lessons/        the tour: Markdown files and their reader
    service/        use cases that page and API share: sessions, generate, loads
    training/       live training: jobs, scheduler, worker processes, corpora
    inference/      batching engine, model cache
    hub/            the Hugging Face Hub: addresses, client, snapshots, disk cache
    checkpoints/    checkpoint folders: schema, JSON, weights, nanoGPT's format, archives, cards
    concurrency     single-flight
    files           atomic writes
    errors          exceptions with their HTTP status
    i18n/           translation, and the message catalogs of each locale
    settings        the environment variables
    lm/             model, incremental, sampling, generation, learning; imports none of these
    frontend/       what the browser runs: JavaScript modules, markup and CSS

train, evaluate and publish are aliases, for `python -m playground.train`.
"""
