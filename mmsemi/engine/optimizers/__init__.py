from .autocast_wrapper import AutocastOptimWrapper
from .grouped_constructor import GroupedParamsConstructor

__all__ = ['AutocastOptimWrapper', 'GroupedParamsConstructor']
