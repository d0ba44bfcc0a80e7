import pytest
from mmengine.model import BaseTTAModel
from torch import nn

from mmsemi.engine.unwrap import unwrap_model


class Network(nn.Module):
    def test_step(self, data):
        return data


class Averaged(BaseTTAModel):
    def merge_preds(self, data_samples_list):
        return data_samples_list


@pytest.mark.parametrize(
    'wraps',
    [
        lambda network: network,
        lambda network: nn.DataParallel(network),
        lambda network: Averaged(network),
        lambda network: nn.DataParallel(Averaged(network)),
    ],
)
def test_the_network_is_inside(wraps):
    network = Network()
    assert unwrap_model(wraps(network)) is network
