wire("stage1-address-not-ours", {height: 342, steps: [
[102, "You start the server: `stage1-server 192.0.2.1:5001`.", [["server", "runs", ""]], [["server", []]]],
[121, "`socket`: the server asks its kernel for a TCP socket.", 0, 0],
[155, "`bind` fails: 192.0.2.1:5001 is no address of this machine.", 0, 0],
[174, "`close`: the server gives the socket back.", 0, 0],
[273, "The server prints `Error: failed to bind to 192.0.2.1:5001`.", 0, [["server", ["Error: failed to bind to 192.0.2.1:5001"]]]],
[281, "The server prints an empty line.", 0, [["server", ["Error: failed to bind to 192.0.2.1:5001", ""]]]],
[281, "The server prints `Caused by:`.", 0, [["server", ["Error: failed to bind to 192.0.2.1:5001", "", "Caused by:"]]]],
[281, "The server prints `Cannot assign requested address (os error 99)`.", 0, [["server", ["Error: failed to bind to 192.0.2.1:5001", "", "Caused by:", "    Cannot assign requested address (os error 99)"]]]],
[292, "The server ends, with exit status 1.", [["server", "ended", "end"]], 0],
]})
