require "socket"
host, port = ARGV[0].split(":")
listener = TCPServer.new(host, port.to_i)
puts "listening on #{listener.local_address.inspect_sockaddr}"
