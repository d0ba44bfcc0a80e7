"""The classes of the built-in scenes and their colours (RGB)."""

SCENES_CLASSES = ('sky', 'field', 'water', 'road', 'building', 'tree', 'car', 'animal')
SCENES_PALETTE = [
    [140, 200, 240],
    [190, 200, 90],
    [40, 90, 180],
    [130, 130, 135],
    [190, 90, 60],
    [30, 120, 50],
    [230, 200, 30],
    [200, 60, 160],
]
SKY, FIELD, WATER, ROAD, BUILDING, TREE, CAR, ANIMAL = range(8)
