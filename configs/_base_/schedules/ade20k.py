_base_ = './sgd_poly.py'

train_cfg = dict(max_epochs=40)
optim_wrapper = dict(optimizer=dict(lr=0.04))  # backbone 0.004
