"""Language model: vocabulary, architecture, training, sampling. No IO.

Imports torch, numpy and the standard library only.
"""
