"""gradproof.numeric"""

if __name__ != "gradproof.numeric":
    raise ImportError("import this folder as gradproof.numeric: a bare 'numeric' would be a second copy of it")
