from .masks import colorize, overlay, save_mask

__all__ = ['colorize', 'overlay', 'save_mask']
