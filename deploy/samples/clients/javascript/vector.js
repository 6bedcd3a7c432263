// Opens ../hpke-vector.json, to show that this client's HPKE is the one the services use.  node vector.js
const vector = require("../hpke-vector.json");
const { openSealed, privateKeyFrom } = require("./common");

privateKeyFrom(vector.private_key)
  .then((key) => openSealed(key, vector.sealed, vector.info))
  .then((text) => console.log(text));
