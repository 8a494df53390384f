"""Token Playground: watch a small language model write, one character at a time.

Three rooms, and the arrows between them point one way, web -> runs -> lm:

    lm/    what a language model is: vocabulary, transformer, sampling, generation, training step.
           Pure: no files, no clock, no threads, no web.
    runs/  where models come from and live: checkpoint folders, the model cache, the engine that
           batches many visitors' forwards, and the use cases (`service.Playground`).
    web/   how people meet it: HTTP routes, the Gradio page, the player that runs in the browser.

`settings` and `errors` stand beside them: the environment is read once, and every error that a
visitor can meet knows its HTTP status. `train`, `evaluate` and `publish` are commands.
"""
