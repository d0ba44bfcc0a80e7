from .semi_runner import SemiRunner

__all__ = ['SemiRunner']
