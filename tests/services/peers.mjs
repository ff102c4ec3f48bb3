// Two peers meet through a PeerServer: each opens a WebSocket, one offers, the other hears it.
import WebSocket from "ws";

const [base] = process.argv.slice(2);
const open = (id) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${base.replace("http", "ws")}/peerjs?key=peerjs&id=${id}&token=t&version=1.0.0`);
    socket.on("error", reject);
    socket.on("unexpected-response", (_, answer) => reject(new Error(`status ${answer.statusCode}`)));
    socket.on("message", (data) => JSON.parse(data).type === "OPEN" && resolve(socket));
  });
const limit = setTimeout(() => {
  console.error("no offer came");
  process.exit(1);
}, 20_000);
const [ada, ben] = await Promise.all([open("ada"), open("ben")]);
const heard = new Promise((resolve) => ben.on("message", (data) => JSON.parse(data).type === "OFFER" && resolve(JSON.parse(data))));
ada.send(JSON.stringify({ type: "HEARTBEAT" }));
ada.send(JSON.stringify({ type: "OFFER", dst: "ben", payload: { sdp: "x".repeat(70_000) } }));
const offer = await heard;
clearTimeout(limit);
if (offer.src !== "ada" || offer.payload.sdp.length !== 70_000) throw new Error("the offer was changed on its way");
ada.close();
ben.close();
console.log("heard");
