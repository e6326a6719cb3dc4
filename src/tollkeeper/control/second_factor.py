"""One's own second factor: setting it up, turning it off, recovery codes."""

from __future__ import annotations

from fastapi import Request, Response
from pydantic import BaseModel

from tollkeeper.control.auth import (
    Code,
    PasswordToCheck,
    SecondFactorStatus,
    second_factor_status,
    session_cookie,
    token_in,
)
from tollkeeper.control.context import Services
from tollkeeper.control.http.errors import errors
from tollkeeper.control.http.guards import ByUser, CurrentCaller, SetUpRoute, session_router
from tollkeeper.control.http.schemas import Form

router = session_router("signing in", SetUpRoute)


class SecondFactorBody(BaseModel):
    """`required`: there is none, and nothing else works until there is one."""

    status: SecondFactorStatus
    recovery_codes_left: int


class SetUpForm(Form):
    password: PasswordToCheck


class SetUpBody(BaseModel):
    """The secret for an authenticator app, as text and as the `otpauth:` address that a QR code carries. It counts once
    POST /auth/second-factor/confirm has seen a code of it."""

    secret: str
    uri: str


class CodeForm(Form):
    code: Code


class ProofForm(Form):
    password: PasswordToCheck
    code: Code


class RecoveryCodesBody(BaseModel):
    """Each signs in once in place of a code of the app. They are not shown again."""

    recovery_codes: list[str]


@router.get("/auth/second-factor", summary="Your second factor")
async def _read(services: Services, caller: CurrentCaller) -> SecondFactorBody:
    assert caller.session is not None
    return SecondFactorBody(
        status=second_factor_status(services, caller.user, caller.session),
        recovery_codes_left=services.second_factors.recovery_codes_left(caller.user.user_id),
    )


@router.post("/auth/second-factor/setup", summary="Begin to set up a second factor", responses=errors(409, 429))
async def _set_up(
    services: Services, caller: CurrentCaller, by: ByUser, form: SetUpForm, answer: Response
) -> SetUpBody:
    await services.sign_in.check_password(caller.user, form.password, by.address)
    new = services.second_factors.set_up(caller.user)
    answer.headers["cache-control"] = "no-store"
    return SetUpBody(secret=new.secret, uri=new.uri)


@router.post("/auth/second-factor/confirm", summary="Turn your second factor on", responses=errors(409, 429))
async def _confirm(
    request: Request, services: Services, caller: CurrentCaller, by: ByUser, form: CodeForm, answer: Response
) -> RecoveryCodesBody:
    """From now on a password alone does not sign you in. Sessions that began so end, and a new one begins here:
    GET /auth/session tells its `csrf_token`."""
    assert caller.session is not None
    codes, new = await services.sign_in.turn_on(
        caller.user, caller.session, form.code, by.address, replaces=token_in(request)
    )
    answer.headers["cache-control"] = "no-store"
    if new is not None:
        answer.headers["set-cookie"] = session_cookie(request, new)
    return RecoveryCodesBody(recovery_codes=codes)


@router.post("/auth/second-factor/recovery-codes", summary="Replace your recovery codes", responses=errors(409, 429))
async def _recovery_codes(
    services: Services, caller: CurrentCaller, by: ByUser, form: ProofForm, answer: Response
) -> RecoveryCodesBody:
    await services.sign_in.check_password(caller.user, form.password, by.address)
    await services.sign_in.check_code(caller.user, form.code, by.address)
    answer.headers["cache-control"] = "no-store"
    codes = await services.second_factors.new_recovery_codes(caller.user.user_id, by)
    return RecoveryCodesBody(recovery_codes=codes)


@router.post(
    "/auth/second-factor/disable", summary="Turn your second factor off", status_code=204, response_class=Response,
    responses=errors(409, 429),
)  # fmt: skip
async def _disable(services: Services, caller: CurrentCaller, by: ByUser, form: ProofForm) -> Response:
    await services.sign_in.check_password(caller.user, form.password, by.address)
    await services.sign_in.check_code(caller.user, form.code, by.address)
    await services.second_factors.turn_off(caller.user, by)
    return Response(status_code=204)
