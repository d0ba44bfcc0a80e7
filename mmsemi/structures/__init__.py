from .paste import Paste, as_pastes

__all__ = ['Paste', 'as_pastes']
