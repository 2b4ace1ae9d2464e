"""The toy app's one page, as text."""

from decimal import Decimal
from html import escape
from urllib.parse import quote

from .orders import PRODUCTS, Order

STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#0d1c21, #e5ebec); --ink-3: light-dark(#57666b, #8b979a);
  --canvas: light-dark(#f4f7f8, #0c1215); --surface: light-dark(#fff, #131b1e); --line: light-dark(#dde3e5, #242e31);
  --edge: light-dark(#859498, #647378); --fill: light-dark(#005770, #1e738e); --prod: light-dark(#7d2a67, #eea1d7); }
* { box-sizing: border-box; font-variant-numeric: tabular-nums; }
body { margin: 0; background: var(--canvas); color: var(--ink); font: 14px/20px Inter, system-ui, sans-serif; }
header, main { max-width: 1040px; margin: 0 auto; padding: 16px 24px; }
header { display: flex; gap: 16px; align-items: baseline; flex-wrap: wrap; }
h1 { font-size: 20px; margin: 0; } h2 { font-size: 16px; margin: 0; }
.place { font-weight: 600; } .place.production { color: var(--prod); } .quiet { color: var(--ink-3); font-size: 12px; }
.stripe { height: 3px; background: var(--prod); }
section { background: var(--surface); border: 1px solid var(--line); border-radius: 10px; padding: 16px;
  margin-bottom: 16px; overflow-x: auto; }
.head { display: flex; justify-content: space-between; gap: 16px; flex-wrap: wrap; margin-bottom: 12px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; padding: 6px 8px; border-top: 1px solid var(--line); }
th { color: var(--ink-3); font-weight: 500; font-size: 12px; border: 0; } .number { text-align: right; }
form { display: inline-flex; gap: 8px; flex-wrap: wrap; margin: 0; }
input, select, button { font: inherit; padding: 4px 8px; border-radius: 6px; border: 1px solid var(--edge);
  background: var(--surface); color: var(--ink); }
button { cursor: pointer; } button.first { background: var(--fill); border-color: var(--fill); color: #fff; }
td button { border-color: transparent; color: var(--ink-3); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
img { width: 100%; aspect-ratio: 3 / 2; object-fit: cover; border-radius: 6px; display: block; }
figure { margin: 0; } figcaption { display: flex; justify-content: space-between; gap: 4px; font-size: 12px;
  align-items: center; } figcaption span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
figcaption button { border: 0; padding: 2px 4px; color: var(--ink-3); }
"""


def page(
    *,
    app: str,
    place: str,
    is_production: bool,
    model_version: str,
    orders: list[Order],
    count: int,
    worth: Decimal,
    pictures: list[str],
) -> str:
    """The whole page. Everything that people or the database gave is escaped here."""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(app)}, {escape(place)}</title><style>{STYLE}</style></head><body>
{'<div class="stripe"></div>' if is_production else ""}
<header><h1>{escape(app)}</h1><span class="place{" production" if is_production else ""}">{escape(place)}</span>
<span class="quiet">model {escape(model_version or "unknown")}</span></header>
<main>
<section><div class="head"><div><h2>Orders</h2>
<span class="quiet">{count:,} in the database, worth {worth:,.2f}</span></div>{_order_form()}</div>
{_table(orders)}</section>
<section><div class="head"><div><h2>Pictures</h2><span class="quiet">{len(pictures):,} in the directory of uploaded
files</span></div>{_picture_forms()}</div><ul>{"".join(map(_picture, pictures))}</ul></section>
</main></body></html>"""


def unreachable(app: str, place: str, reason: str) -> str:
    """What stands there while the database does not answer."""
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(app)}, {escape(place)}</title>
<style>{STYLE}</style><main><section><h1>{escape(app)} has no database at the moment</h1>
<p class="quiet">{escape(reason)}</p></section></main></html>"""


def _order_form() -> str:
    options = "".join(f"<option>{escape(name)}</option>" for name in PRODUCTS)
    return f"""<form method="post" action="/orders/add">
<input name="customer" aria-label="Customer" placeholder="Customer" required maxlength="100">
<select name="product" aria-label="Product">{options}</select>
<input name="quantity" aria-label="Quantity" type="number" min="1" max="999" value="1" required>
<button class="first">Add order</button></form>"""


def _table(orders: list[Order]) -> str:
    if not orders:
        return '<p class="quiet">No orders.</p>'
    rows = "".join(
        f"""<tr><td>{order.placed_at:%Y-%m-%d %H:%M}</td><td class="number">{order.id}</td>
<td>{escape(order.customer)}</td><td class="number">{order.quantity}</td><td>{escape(order.product)}</td>
<td class="number">{order.total:,.2f}</td><td class="quiet">{escape(order.note)}</td>
<td class="number"><form method="post" action="/orders/delete"><input type="hidden" name="order" value="{order.id}">
<button aria-label="Delete order {order.id}">Delete</button></form></td></tr>"""
        for order in orders
    )
    return f"""<table><tr><th>Placed (UTC)</th><th class="number">No.</th><th>Customer</th>
<th class="number">Quantity</th><th>Product</th><th class="number">Total</th><th>Note</th><th></th></tr>
{rows}</table>"""


def _picture_forms() -> str:
    return """<div><form method="post" action="/pictures/draw"><button>Draw one</button></form>
<form method="post" action="/pictures/add" enctype="multipart/form-data">
<input type="file" name="picture" aria-label="Picture" accept="image/*" required><button class="first">Upload</button>
</form></div>"""


def _picture(name: str) -> str:
    return f"""<li><figure><img src="/pictures/{quote(name)}" alt="{escape(name)}" loading="lazy"><figcaption>
<span title="{escape(name)}">{escape(name)}</span><form method="post" action="/pictures/delete">
<input type="hidden" name="picture" value="{escape(name)}"><button aria-label="Remove {escape(name)}">Remove</button>
</form></figcaption></figure></li>"""
