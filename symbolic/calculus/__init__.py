"""Derivatives: the calculus of one equation, adjoint and tangent equations, grad, jacobian, hessian and the like."""
