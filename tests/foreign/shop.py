"""A FastAPI service with what frameworks differ in: values that are paths, operations of one name, mounts."""

from fastapi import APIRouter, FastAPI, Header
from pydantic import BaseModel, Field

app = FastAPI(title="Shop")
admin = APIRouter(prefix="/admin", tags=["admin"])


class Item(BaseModel):
    name: str = Field(max_length=20)
    price: float = Field(gt=0)
    parts: list["Item"] = []


@app.get("/items/{item_id}", tags=["items"], operation_id="read_item")
def read_item(item_id: int, currency: str | None = None) -> dict:
    return {"id": item_id, "currency": currency}


@app.post("/items", tags=["items"], operation_id="create_item", status_code=201)
def create_item(item: Item, x_batch: int | None = Header(None)) -> Item:
    return item


@app.get("/files/{path:path}", operation_id="read_file")
def read_file(path: str) -> dict:
    return {"path": path}


@admin.get("/statistics", operation_id="statistics")
def statistics() -> dict:
    return {"sold": 7}


@app.get("/hidden/{number}", include_in_schema=False)
def hidden(number: int) -> dict:
    return {"number": number}


app.include_router(admin)
