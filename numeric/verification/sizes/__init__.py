"""The same problem at other sizes: which axes are one, and which sizes the code admits."""
