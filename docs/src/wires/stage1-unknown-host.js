wire("stage1-unknown-host", {height: 300, steps: [
[102, "You start the client: `stage1-client unknown..host:5001`.", [["client", "runs", ""]], [["client", []]]],
[231, "The client prints `Error: failed to connect to unknown..host:5001: is the server running?`.", 0, [["client", ["Error: failed to connect to unknown..host:5001: is the server running?"]]]],
[239, "The client prints an empty line.", 0, [["client", ["Error: failed to connect to unknown..host:5001: is the server running?", ""]]]],
[239, "The client prints `Caused by:`.", 0, [["client", ["Error: failed to connect to unknown..host:5001: is the server running?", "", "Caused by:"]]]],
[239, "The client prints `failed to lookup address information: Name or service not known`.", 0, [["client", ["Error: failed to connect to unknown..host:5001: is the server running?", "", "Caused by:", "    failed to lookup address information: Name or service not known"]]]],
[250, "The client ends, with exit status 1.", [["client", "ended", "end"]], 0],
]})
