// A right client of stage 6 with Node's line editor: readline-client.js HOST:PORT
const net = require("net");
const readline = require("readline");

const [host, port] = process.argv[2].split(":");
const lines = readline.createInterface({ input: process.stdin, output: process.stdout });
const server = net.connect(Number(port), host, () => lines.prompt());
server.on("data", (answer) => {
  console.log(JSON.stringify(answer.toString()));
  lines.prompt();
});
server.on("end", () => process.exit());
server.on("error", () => process.exit(1));
lines.on("line", (line) => {
  if (line !== "" && line !== "o") server.write(line);
  if (line === "q") {
    lines.close();
    server.end();
  } else {
    lines.prompt();
  }
});
