"""Token Playground: a small language model writes, one character at a time.

The packages, from the top; each imports only those below it (the contracts in pyproject.toml):

    cli/            commands: `token-playground`, train, evaluate, publish
    app             composition root: settings -> service -> API + page -> ASGI application
    page/           the Gradio page: blocks, components, bundle, head, routes, response_cache,
                    config, gradio_patches
    api/            the HTTP API: app, routes/, schemas/, errors, middleware, Gradio endpoints
    lessons/        the tour: Markdown files and their reader
    service/        use cases that page and API share: sessions, generate, score, loads
    training/       live training: jobs, scheduler, worker processes, corpora
    inference/      batching engine, its caches and backends
    corpus_index/   where a string occurs in a training text, and what follows
    hub/            the Hugging Face Hub: addresses, client, snapshots, disk cache
    checkpoints/    checkpoint folders: schema, JSON, weights, nanoGPT's format, archives, cards
    tokenization/   word pieces: learned from a text; those of others, in a process of their own
    child_process   processes that answer messages within a deadline
    concurrency     single-flight
    files           atomic writes
    replica         ids that say which of several servers has a training or a load
    errors          exceptions with their HTTP status
    i18n/           translation, and the message catalogs of each locale
    settings        the environment variables
    lm/             model, incremental, sampling, generation, scoring, learning: none of these
    frontend/       what the browser runs: JavaScript modules, markup and CSS

train, evaluate and publish are aliases, for `python -m playground.train`.
"""

__version__ = "1.0.0"
