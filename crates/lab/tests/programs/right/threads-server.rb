# A right server of stage 6 with one thread for each client: threads-server.rb HOST:PORT
require "socket"

def serve(client)
  loop do
    message = client.readpartial(1024)
    puts "got #{message.inspect}"
    client.write("server send :" + message)
    return if ["q", "Q"].include?(message)
  end
rescue SystemCallError, IOError => err
  puts err.message
ensure
  client.close
end

$stdout.sync = true
host, port = ARGV[0].split(":")
listener = TCPServer.new(host, port.to_i)
loop { Thread.new(listener.accept) { |client| serve(client) } }
