from .iter_poly_lr import IterPolyLR

__all__ = ['IterPolyLR']
