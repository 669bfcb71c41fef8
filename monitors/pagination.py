"""Pages of lists: `?page=2&page_size=500`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request

MAX_DIGITS = 18


class Pagination(PageNumberPagination):
    """A page that does not exist is 404, one that is no number 400; a `page_size` over the maximum is the maximum."""

    page_size = 100
    page_size_query_param = "page_size"
    max_page_size = 1_000
    page_query_description = _("From 1, or `last`.")  # type: ignore[assignment]  # lazy, as is the next
    page_size_query_description = _("Rows per page; more than 1,000 are 1,000.")  # type: ignore[assignment]

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> Any:
        page = request.query_params.get(self.page_query_param, "1")
        if page not in self.last_page_strings and not page.isdecimal():
            raise ValidationError({self.page_query_param: [_("Give a whole number from 1.")]})
        return super().paginate_queryset(queryset, request, view)

    def get_page_size(self, request: Request) -> int:
        text = request.query_params.get(self.page_size_query_param, str(self.page_size))
        size = int(text) if text.isdecimal() and len(text) <= MAX_DIGITS else 0
        if size < 1:
            raise ValidationError({self.page_size_query_param: [_("Give a whole number from 1 to 1,000.")]})
        return min(size, self.max_page_size)

    def get_schema_operation_parameters(self, view: Any) -> Any:
        page, page_size = super().get_schema_operation_parameters(view)
        last = {"type": "string", "enum": list(self.last_page_strings)}
        page["schema"] = {"anyOf": [{"type": "integer", "minimum": 1}, last]}
        page_size["schema"] |= {"minimum": 1, "maximum": 10**MAX_DIGITS - 1}
        return page, page_size
