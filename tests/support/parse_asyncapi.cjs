// Reads an AsyncAPI document with AsyncAPI's own parser: parse_asyncapi.cjs FOLDER-OF-NODE_MODULES DOCUMENT
// Exits with 1 if the parser finds an error or a warning in it. That there is a newer AsyncAPI is neither.
const { readFileSync } = require("node:fs");
const { resolve } = require("node:path");

const [folder, file] = process.argv.slice(2);
const { Parser } = require(resolve(folder, "node_modules/@asyncapi/parser"));
const WARNING = 1; // errors are 0, information 2, hints 3

async function main() {
  const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
  const wrong = diagnostics.filter(({ severity }) => severity <= WARNING);
  for (const { path, message } of wrong) {
    console.log(`${file}: ${path.join(".")}: ${message}`);
  }
  if (document === undefined || wrong.length > 0) {
    console.log(`${file}: AsyncAPI's parser finds ${wrong.length} things wrong`);
    process.exitCode = 1;
    return;
  }
  const counts = [document.allChannels(), document.allOperations(), document.allMessages()].map((all) => all.all().length);
  console.log(`${file}: AsyncAPI's parser reads ${counts[0]} channels, ${counts[1]} operations, ${counts[2]} messages`);
}

main();
