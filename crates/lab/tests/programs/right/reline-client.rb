# A right client of stage 6 with Ruby's line editor: reline-client.rb HOST:PORT
require "reline"
require "socket"

host, port = ARGV[0].split(":")
server = TCPSocket.new(host, port.to_i)
while (line = Reline.readline("> ", true))
  next if ["", "o"].include?(line)
  server.write(line)
  break if line == "q"
  answer = server.recv(1024)
  break if answer.nil? || answer.empty?
  puts answer.inspect
end
