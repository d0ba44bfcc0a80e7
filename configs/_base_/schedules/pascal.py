_base_ = './sgd_poly.py'  # backbone lr 0.001, head 0.01
