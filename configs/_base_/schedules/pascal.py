_base_ = './sgd_poly.py'  # backbone lr 0.001, the rest ten times that
