"""A bare FastAPI service, as somebody starts with: nothing switched on, nothing hardened."""

from fastapi import FastAPI, HTTPException

app = FastAPI(title="Notes")
NOTES = {1: "buy milk", 2: "call the ministry"}


@app.get("/notes")
def notes() -> list[dict]:
    return [{"id": key, "text": text} for key, text in NOTES.items()]


@app.get("/notes/{number}")
def note(number: int) -> dict:
    if number not in NOTES:
        raise HTTPException(404, "no such note")
    return {"id": number, "text": NOTES[number]}


@app.post("/notes", status_code=201)
def add(text: str) -> dict:
    NOTES[len(NOTES) + 1] = text
    return {"id": len(NOTES), "text": text}
