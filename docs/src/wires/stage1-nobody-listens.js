wire("stage1-nobody-listens", {height: 428, steps: [
[87, "You start the client: `stage1-client`.", [["client", "runs", ""]], [["client", []]]],
[106, "`socket`: the client asks its kernel for a TCP socket.", 0, 0],
[125, "`connect` waits: the kernel of the client sends a SYN and must have an answer.", [["client", "waits in connect", "wait"]], 0],
[152, "The SYN arrives, and nobody listens on port 5001: the kernel answers with RST.", [["client", "waits in connect", "wait"], ["client’s end", "SYN-SENT", ""]], 0],
[190, "The RST arrives: the connection is over, and `connect` need not wait longer.", [["client", "waits in connect", "wait"], ["client’s end", "CLOSED", ""]], 0],
[202, "`connect` fails: the RST says that nobody listens there.", [["client", "runs", ""], ["client’s end", "CLOSED", ""]], 0],
[221, "`close`: the client gives the socket back. Nothing is sent: the connection is over.", 0, 0],
[335, "The client prints `Error: failed to connect to 127.0.0.1:5001: is the server running?`.", 0, [["client", ["Error: failed to connect to 127.0.0.1:5001: is the server running?"]]]],
[343, "The client prints an empty line.", 0, [["client", ["Error: failed to connect to 127.0.0.1:5001: is the server running?", ""]]]],
[343, "The client prints `Caused by:`.", 0, [["client", ["Error: failed to connect to 127.0.0.1:5001: is the server running?", "", "Caused by:"]]]],
[343, "The client prints `Connection refused (os error 111)`.", 0, [["client", ["Error: failed to connect to 127.0.0.1:5001: is the server running?", "", "Caused by:", "    Connection refused (os error 111)"]]]],
[354, "The client ends, with exit status 1.", [["client", "ended", "end"], ["client’s end", "CLOSED", ""]], 0],
]})
