"""Llama: the model, Hugging Face's files in and out, tokens, evaluation."""
