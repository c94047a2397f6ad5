#!/usr/bin/env python3
"""Writes a checkpoint of train.py as a folder in the Hub's layout: export.py last.pt model"""
import sys, torch, common, train
tok = common.Tokens()
m = common.model(tok)
net = train.Net(m, len(train.PHONES) + 1)
net.load_state_dict(torch.load(sys.argv[1])["net"])
common.export(m, tok, sys.argv[2], [[1, 0], [1, 1]])   # the two heads that the guide loss held to the words
