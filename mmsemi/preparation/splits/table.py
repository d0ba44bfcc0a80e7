"""The published lists: their sources, lengths and hashes.

The lists themselves are not part of this project: ``prepare_splits`` fetches
them from where their authors publish them and compares them with this table.
"""

from typing import NamedTuple


class PublishedList(NamedTuple):
    """A list: its number of lines, and the SHA-256 of its normalised text.

    ``sha256`` is None if no single file holds the list, so that its order is
    this project's own, or if the hash is not known.
    """

    lines: int
    sha256: str | None


class PublishedSplits(NamedTuple):
    """The lists of a data set and where they come from.

    Attributes:
        repository (str): Where their authors publish them.
        licence (str): Licence of that repository.
        url (str): Address that the paths of the lists are relative to.
        folder (str): Folder of this data set, below the URL.
        train (str): The name of the full train list.
        lists (dict[str, PublishedList]): Keyed by the names that configs use.
        train_images (str, optional): The folder whose images are the train
            list, if it is all of them.
        root (str): The data set in whose folder the lists belong, if it is
            another name.
        names (dict[str, str]): What the repository calls a list, if the names
            differ.
    """

    repository: str
    licence: str
    url: str
    folder: str
    train: str
    lists: dict[str, PublishedList]
    train_images: str | None = None
    root: str = ''
    names: dict[str, str] = {}


def _table(text: str) -> dict[str, PublishedList]:
    """Parse rows of name, number of lines and SHA-256 (``-`` for none)."""
    words = iter(text.split())
    return {
        name: PublishedList(int(lines), None if sha256 == '-' else sha256)
        for name, lines, sha256 in zip(words, words, words, strict=True)
    }


_UNIMATCH = dict(
    repository='https://github.com/LiheYoung/UniMatch',
    licence='MIT',
    url='https://raw.githubusercontent.com/LiheYoung/UniMatch/HEAD/splits',
)
_SEMIVL = dict(
    repository='https://github.com/google-research/semivl',
    licence='Apache-2.0',
    url='https://raw.githubusercontent.com/google-research/semivl/HEAD/splits',
)

_UNIMATCH_V2 = dict(
    repository='https://github.com/LiheYoung/UniMatch-V2',
    licence='MIT',
    url='https://raw.githubusercontent.com/LiheYoung/UniMatch-V2/HEAD/splits',
    train='train',
)

_PASCAL = """
train_aug 10582
f04ab664c71f84950a3a1fd28544b6851500c81a9aff890c4b9279639a32152c
val 1449 df002e3a730c57678f63aa3e46a4c827a4066f1dc1814e24d0e8b215075e0c6c
92 92 43db71a186f04340dff815d422cd05729c2fdf054d7529907e28a2e1787acc9a
183 183 0a361a963de093ab3d4cdc8e9b3041384cff810372dd2638178981217ef84165
366 366 85370e15dcb3001d8c3377ae35ff46330c286332e34b02627cfde9d11afca59c
732 732 b882564d5519b242c39fe2ecc0949e1cd80dbf786ea1dfe4210b52504096fe4e
1464 1464 937b907edb520ef88873c7699a5bae99b7f6b770f78577f72cb10151a3ec83b8
1_16 662 0f5e114e6504c8afec6523db91f05503f120d1365cf505e6f4ef99f316d5873b
1_8 1323 c5ea9bb095158a137e4c1db739b07d54a89af697de24ffd9e576493a4189653f
1_4 2646 a4573ca0fa8f97c4013dba5f8b233e77a1a8dc7877539b1eb18c8206d37227d0
u2pl_1_16 662 a58cf5eda18c8e060c8fef0233b388b488e62e5903076fed90b5bd34cf6735d3
u2pl_1_8 1323 cebe5f2fda695dd72ff3336d6bfef95967c903fe4d404d9827a42c5fbc1dfd8a
u2pl_1_4 2646 b740bcf1ac91477ff0df913594ea70a00ced359a007a4050cac487f136470fa4
"""
_CITYSCAPES = """
train 2975 5895ae021e33996d26be88cd0f4ce03f82639bdb1f0abda0dacb6070afed0b0e
val 500 719fa5e6f0bb3f71a5d1d6b055765a031d349ac1443d3f1d31355b3ec05d42cf
1_30 100 850ca57c1a1575a0e2f6990c653aeb684318320ac3c84fc83ebcf8c26f836624
1_16 186 64195914dce1231133c7dc611fece213bc3a87fe4e0b73fbd96add7dfa8a2f46
1_8 372 de92add9946ec2178bc766585e3d38cdee3c8e961b9bf978de60f90ab515b552
1_4 744 c86cf1efcaf0c7bb77b966819acc10c3b449fd41a2618f8bd98892ca43590bdd
1_2 1488 683b981be7ffcd7a3e37660dda63b16f0039cd506cca6ee255dad243d5c0290f
"""
_COCO = """
train 118287 -
val 5000 0a7dd08b7818407e70202f5c93710f0b298702cbbf1976eaf6903e3386ee0f04
1_512 232 dd544b63e82d952e8389a8287b3e0e9f7517b099a19c3e5c32600dddef4cddcd
1_256 463 ac699ad8bd07fb2754895787c0d4d216bad43304903accd205df5497994083a3
1_128 925 596099c5a033d676f80af67b3684086f968de2c5bd8f243d4fca2f372fc85597
1_64 1849 fcfd755869d45187fc22cf6d1f41d04fc0ee72f8d5ed7225ee9f59ed2f5443b1
1_32 3697 01b2b3cc0f70341c3380777ddb4668d9256737079d85e2bd0619e1bb116c1ee0
"""
_ADE20K = """
train 20210 52146240194d375841c1759ae63fa18f5c4ddedf8fc9e24008614ebd760cb19d
val 2000 8a733f0c20d8f6cd6450b775a2f9e0d9d328af6d8a3aaf50db55d964d18d584c
1_128 158 f4249ce4395dfe2d9ad833a085321c92cfbef2347d8f62d814f29883e8bd8006
1_64 316 6b53a9d82742421b4db80f4b85faafc43e9d1eacb8b46c916f9107b26ceee7f1
1_32 632 d5aa5694c3805c17428c6b1b2ca2dd91d3fa90aaeeaf44d811ba03d527f6c1fd
1_16 1263 a716e48c18e404ad00258e111290d09c59fd90b6b564283a1e86741a083dda82
1_8 2526 311d88abc340a887a4e1f87b49e87ba8b4d050cb2ee3a2dfcc01158c2d29f7f0
"""
_ADE20K_V2 = """
v2_1_64 316 -
v2_1_32 631 b5f4e344f278d04dc4b0f3a1ebb349844d5ad8cbab61922275d43211ef1526ad
v2_1_16 1263 a716e48c18e404ad00258e111290d09c59fd90b6b564283a1e86741a083dda82
v2_1_8 2526 311d88abc340a887a4e1f87b49e87ba8b4d050cb2ee3a2dfcc01158c2d29f7f0
v2_1_4 5052 -
v2_1_2 10105 -
"""

# Pascal's 1_16, 1_8, 1_4 are the blended protocol, whose labels are drawn from
# all of train_aug; u2pl_* is U2PL's version of it.
PUBLISHED = {
    'pascal': PublishedSplits(
        **_UNIMATCH, folder='pascal', train='train_aug', lists=_table(_PASCAL)
    ),
    'cityscapes': PublishedSplits(
        **_UNIMATCH, folder='cityscapes', train='train', lists=_table(_CITYSCAPES)
    ),
    'coco': PublishedSplits(
        **_UNIMATCH,
        folder='coco',
        train='train',
        lists=_table(_COCO),
        train_images='train2017',
    ),
    'ade20k': PublishedSplits(
        **_SEMIVL, folder='ade', train='train', lists=_table(_ADE20K)
    ),
    # What UniMatch V2's own configs name besides.
    'ade20k_v2': PublishedSplits(
        **_UNIMATCH_V2,
        folder='ade20k',
        lists=_table(_ADE20K_V2),
        root='ade20k',
        names={name: name.removeprefix('v2_') for name in _table(_ADE20K_V2)},
    ),
    'cityscapes_v2': PublishedSplits(
        **_UNIMATCH_V2,
        folder='cityscapes',
        lists=_table('train_extra 19998 -'),
        root='cityscapes',
        names=dict(train_extra='all/unlabeled'),
    ),
}
