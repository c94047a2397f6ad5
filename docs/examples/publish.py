#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A model and its tokenizer from a folder into a repository of the Hub, with a card. Log in first (gtransformers auth login, or HF_TOKEN).

    python3 publish.py FOLDER me/my-model
"""
import sys

import gi

gi.require_version("Gtf", "1.0")
from gi.repository import GLib, Gtf


def main():
    if len(sys.argv) != 3:
        sys.exit("Usage: publish.py FOLDER REPOSITORY")
    folder, repository = sys.argv[1:]
    try:
        model = Gtf.Model.load(folder, None, None)
        tokenizer = Gtf.Tokenizer.load(folder, None)
        print(model.push_to_hub(repository, '{"commit_message": "The model", "tags": ["example"]}', None))
        print(tokenizer.push_to_hub(repository, None, None))
    except GLib.Error as error:
        sys.exit(error.message)


main()
