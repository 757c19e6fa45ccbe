// Holds the kept messages against the published JSON Schemas by a validator of another language:
// validate_golden.cjs FOLDER-OF-NODE_MODULES SCHEMAS GOLDEN. Exits with 1 if a schema or a message is not right.
const { readFileSync, readdirSync } = require("node:fs");
const { join, resolve } = require("node:path");

const [folder, schemas, golden] = process.argv.slice(2);
const modules = resolve(folder, "node_modules");
const Ajv = require(join(modules, "ajv/dist/2020")).default;
const addFormats = require(join(modules, "ajv-formats")).default;

const ajv = addFormats(new Ajv({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true }));
const read = (...path) => JSON.parse(readFileSync(join(...path), "utf8"));
let wrong = 0;

function complain(file, message) {
  console.log(`${file}: ${message}`);
  wrong += 1;
}

const names = readdirSync(golden).filter((name) => name.endsWith(".json"));
for (const name of names) {
  try {
    const valid = ajv.compile(read(schemas, name));
    if (!valid(read(golden, name))) {
      valid.errors.forEach(({ instancePath, message }) => complain(join(golden, name), `${instancePath} ${message}`));
    }
  } catch (error) {
    complain(join(schemas, name), error.message);
  }
}
console.log(`${golden}: ajv holds ${names.length} messages against ${schemas} and finds ${wrong} things wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
