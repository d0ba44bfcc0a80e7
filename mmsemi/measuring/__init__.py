from .cost import Cost, measure_cost
from .footprint import Footprint, predict_footprint

__all__ = ['Cost', 'Footprint', 'measure_cost', 'predict_footprint']
