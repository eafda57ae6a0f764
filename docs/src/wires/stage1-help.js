wire("stage1-help", {height: 240, steps: [
[87, "You start the client: `stage1-client --help`.", [["client", "runs", ""]], [["client", []]]],
[171, "The client prints `usage: stage1-client [ADDR]`.", 0, [["client", ["usage: stage1-client [ADDR]"]]]],
[179, "The client prints an empty line.", 0, [["client", ["usage: stage1-client [ADDR]", ""]]]],
[179, "The client prints `ADDR is HOST:PORT, HOST, PORT or [V6]:PORT. The default is 127.0.0.1:5001.`.", 0, [["client", ["usage: stage1-client [ADDR]", "", "ADDR is HOST:PORT, HOST, PORT or [V6]:PORT. The default is 127.0.0.1:5001."]]]],
[190, "The client ends, with exit status 0.", [["client", "ended", "end"]], 0],
]})
