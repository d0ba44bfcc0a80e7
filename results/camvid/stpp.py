_base_ = './st.py'

self_training = dict(shares=(0.5, 1))
