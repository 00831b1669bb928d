"""Networks: layers, losses, files, the generic network of symbolic depth and the four equations of backpropagation."""
