"""gradproof.symbolic"""

if __name__ != "gradproof.symbolic":
    raise ImportError("import this folder as gradproof.symbolic: a bare 'symbolic' would be a second copy of it")
