"""What a business would write around the client made from the server's document: it lists its calls."""

import sys
from uuid import UUID

from feedback_client import AuthenticatedClient
from feedback_client.api.calls import list_calls
from feedback_client.models import CallPage, Error

server, token, business = sys.argv[1:]
client = AuthenticatedClient(base_url=f"{server}/api", token=token)
page = list_calls.sync(client=client, business_id=UUID(business), limit=1)
assert isinstance(page, CallPage), page
call = page.calls[0]
print(call.id, call.status.value, page.pagination.total)

refused = list_calls.sync(client=client, business_id=UUID(int=1))
assert isinstance(refused, Error) and refused.details.field == "businessId", refused
