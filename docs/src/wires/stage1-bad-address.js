wire("stage1-bad-address", {height: 285, steps: [
[87, "You start the server: `stage1-server banana:xyz`.", [["server", "runs", ""]], [["server", []]]],
[216, "The server prints `Error: invalid address \"banana:xyz\": the port is not a number from 0 to 65535`.", 0, [["server", ["Error: invalid address \"banana:xyz\": the port is not a number from 0 to 65535"]]]],
[224, "The server prints `usage: stage1-server [ADDR]`.", 0, [["server", ["Error: invalid address \"banana:xyz\": the port is not a number from 0 to 65535", "usage: stage1-server [ADDR]"]]]],
[224, "The server prints an empty line.", 0, [["server", ["Error: invalid address \"banana:xyz\": the port is not a number from 0 to 65535", "usage: stage1-server [ADDR]", ""]]]],
[224, "The server prints `ADDR is HOST:PORT, HOST, PORT or [V6]:PORT. The default is 127.0.0.1:5001.`.", 0, [["server", ["Error: invalid address \"banana:xyz\": the port is not a number from 0 to 65535", "usage: stage1-server [ADDR]", "", "ADDR is HOST:PORT, HOST, PORT or [V6]:PORT. The default is 127.0.0.1:5001."]]]],
[235, "The server ends, with exit status 1.", [["server", "ended", "end"]], 0],
]})
