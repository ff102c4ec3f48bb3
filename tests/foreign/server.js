// A small Express service with what a tutorial gives it: open CORS, a health route, the default error page.
import cors from "cors";
import express from "express";

const app = express();
app.use(cors());
app.use(express.json());
app.get("/health", (_, answer) => answer.json({ status: "ok" }));
app.get("/notes", (_, answer) => answer.json([{ id: 1, text: "buy milk" }]));
app.get("/metrics", (_, answer) => answer.type("text/plain").send("# TYPE notes_total counter\nnotes_total 1\n"));
app.get("/broken", () => {
  throw new Error("the notes are gone");
});
const server = app.listen(Number(process.env.PORT), "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
