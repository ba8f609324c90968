"""arr-coc-0-1: Qwen3-VL that looks where the question makes it worth while, in as many tokens as it is worth.

    canvas ──► texture ──► scorers ──► opponent ──► allocation ──► patches ──► Qwen3-VL ──► answer
    (uint8)    13 maps     3 maps      1 map        K budgets      crops       gated and adapted tokens

Each arrow is a tensor whose shape the modules give, so that serving can put them into processes of their own.
"""
