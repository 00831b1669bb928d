"""gradproof.codegen"""

if __name__ != "gradproof.codegen":
    raise ImportError("import this folder as gradproof.codegen: a bare 'codegen' would be a second copy of it")
