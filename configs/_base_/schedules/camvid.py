_base_ = './sgd_poly.py'

train_cfg = dict(max_epochs=80, val_interval=5)
