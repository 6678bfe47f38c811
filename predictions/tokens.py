"""API tokens in the admin: made here, shown once, stored as a hash, revoked by deletion."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

# Importing it registers the admin of knox, which shows the hash and cannot be left standing beside this one.
import knox.admin  # noqa: F401
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from knox.models import AuthToken, get_digest_token
from knox.settings import CONSTANTS, knox_settings

from predictions.models import ApiToken

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[ApiToken]
    _Form = forms.ModelForm[ApiToken]
else:
    _Admin, _Form = admin.ModelAdmin, forms.ModelForm

admin.site.unregister(AuthToken)


class UserSelect(AutocompleteSelect):
    """Offers users by their names; a text that is no id of a user chooses nobody, where Django's would raise."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        """Return the options, with the chosen user among them."""
        return super().optgroups(name, [text for text in value if _is_key(text)], attr)


def _is_key(text: str) -> bool:
    try:
        User._meta.pk.clean(text, None)  # noqa: SLF001  # public in all but its name
    except ValidationError:
        return False
    return True


class TokenForm(_Form):
    """For whom, and until when."""

    class Meta:
        model = ApiToken
        fields = ("user", "expiry")
        help_texts = {
            "expiry": "Until when it is valid; leave it empty for a token that is valid until it is deleted. "
            "A new password of the user ends it, too."
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "expiry" in self.fields:
            self.fields["expiry"].initial = lambda: timezone.now() + knox_settings.TOKEN_TTL

    def clean_expiry(self) -> dt.datetime | None:
        """Refuse an instant that is over."""
        expiry: dt.datetime | None = self.cleaned_data["expiry"]
        if expiry and expiry <= timezone.now():
            raise ValidationError("Choose an instant in the future, or none.")
        return expiry


@admin.register(ApiToken)
class ApiTokenAdmin(_Admin):
    """Tokens of the API. Deleting one revokes it."""

    form = TokenForm
    list_display = ("begins_with", "user", "created", "expiry", "last_used")
    list_select_related = ("user", "use")
    empty_value_display = "never"
    search_fields = ("user__username", "token_key__startswith")
    search_help_text = "A part of a user's name, or the first characters of a token."

    def formfield_for_foreignkey(self, db_field: ForeignKey[Any], request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field of the form for the owner."""
        return super().formfield_for_foreignkey(db_field, request, **kwargs | {"widget": UserSelect(db_field, self.admin_site)})

    @admin.display(description="begins with")
    def begins_with(self, token: ApiToken) -> str:
        """The first characters, by which its owner knows it."""
        return f"{token.token_key[:8]}…"

    @admin.display(description="last used")
    def last_used(self, token: ApiToken) -> dt.date | None:
        """The day on which it was last used, in UTC."""
        return token.use.last_used_on if hasattr(token, "use") else None

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Nobody: a token is made and revoked."""
        return False

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the token, store its hash and show it this once."""
        obj.digest, token = get_digest_token()
        obj.token_key = token[: CONSTANTS.TOKEN_KEY_LENGTH]
        super().save_model(request, obj, form, change)
        text = "The token of {}: {} Copy it now: only its hash is stored, so it cannot be shown again."
        self.message_user(request, format_html(text, obj.user, format_html("<code>{}</code>", token)), messages.WARNING)
