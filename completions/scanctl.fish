complete --keep-order --exclusive --command scanctl --arguments "(COMPLETE=fish scanctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
