const net = require("net");
const [host, port] = process.argv[2].split(":");
const server = net.createServer();
server.listen(Number(port), host, () => {
  console.log("listening on", server.address());
  server.close();
});
