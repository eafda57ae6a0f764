<?php
$listener = stream_socket_server("tcp://" . $argv[1], $code, $reason) or die("$reason\n");
echo "listening on ", stream_socket_get_name($listener, false), "\n";
