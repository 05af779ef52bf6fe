"""The admin endpoints of the systems that Pollux replaces, so that scripts written for them run on.

Source: gcli2api (2025-08 and 2025-12), Gemini-api-proxy: paths, methods and JSON, not their code.
"""
