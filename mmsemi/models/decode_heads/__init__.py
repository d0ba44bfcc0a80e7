from .deeplabv2_head import DeepLabV2Head
from .deeplabv3plus_head import DeepLabV3PlusHead
from .norm_free_dpt_head import NormFreeDPTHead
from .pspnet_head import PSPNetHead

__all__ = ['DeepLabV2Head', 'DeepLabV3PlusHead', 'NormFreeDPTHead', 'PSPNetHead']
