// A right server of stage 6 with Node's event loop: events-server.js HOST:PORT
const net = require("net");

function serve(client) {
  client.on("data", (message) => {
    console.log("got", JSON.stringify(message.toString()));
    client.write(Buffer.concat([Buffer.from("server send :"), message]));
    if (["q", "Q"].includes(message.toString())) client.end();
  });
  client.on("error", (err) => console.log(err.message));
}

const [host, port] = process.argv[2].split(":");
net.createServer(serve).listen(Number(port), host);
