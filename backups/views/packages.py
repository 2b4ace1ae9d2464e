"""Packages of an app: making one known, and deploying one here."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from environments.access import Passed, pass_gate
from environments.choices import Right, State
from environments.errors import Failed, Refused
from environments.lifecycle.submit import asked_already
from environments.models import Package
from environments.states import look
from environments.views.dialogs import INVALID, REFUSED, answer, leave_dialog, show_dialog

from ..forms import DeployForm, PackageForm
from ..operations.deploy import request_deploy
from ..operations.fitting import compare_with_live
from ..operations.package import register_package
from .environment import Here, environment_address


@require_http_methods(["GET", "HEAD", "POST"])
def add_package(request: HttpRequest, app: str, environment: str) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.OPERATE)
    if request.method != "POST":
        known = {name: request.GET.get(name, "") for name in ("model_version", "modeler_version")}
        return _show_add(request, passed, PackageForm(initial=known))
    form = PackageForm(request.POST, request.FILES)
    if not form.is_valid():
        return _show_add(request, passed, form, INVALID)
    file = form.cleaned_data["file"]
    try:
        package = register_package(
            passed.environment.app,
            model_version=form.cleaned_data["model_version"],
            modeler_version=form.cleaned_data["modeler_version"],
            file=file,
            filename=file.name if file else "",
            by=passed.by,
        )
    except (Refused, Failed) as error:
        form.add_error(None, str(error))
        return _show_add(request, passed, form, REFUSED)
    return leave_dialog(request, environment_address(passed.environment), f"The package {package} is registered.")


@require_http_methods(["GET", "HEAD", "POST"])
def deploy(request: HttpRequest, app: str, environment: str, package: int) -> HttpResponse:
    passed = pass_gate(request, app, environment, Right.OPERATE)
    chosen = Package.objects.filter(app=passed.environment.app_id, pk=package).first()
    if chosen is None:
        raise Http404("There is no such package.")
    asks_stopped = look(passed.environment) == State.UNKNOWN
    form = DeployForm(request.POST if request.method == "POST" else None, asks_stopped=asks_stopped)

    def ask() -> None:
        said = bool(form.cleaned_data.get("is_said_stopped"))
        request_deploy(passed.environment, chosen, by=passed.by, is_said_stopped=said)

    status = answer(form, ask, is_asked_already=lambda: _is_asked_already(passed, chosen))
    if status is not None:
        return _show_deploy(request, passed, chosen, form, status)
    return leave_dialog(request, environment_address(passed.environment))


def _is_asked_already(passed: Passed, package: Package) -> bool:
    """Whether this very person's deploying of it is under way: who clicks twice is led to it."""
    asked = asked_already("deploy", passed.environment, passed.by)
    return asked is not None and asked.params.get("package") == package.pk


def _show_add(request: HttpRequest, passed: Passed, form: PackageForm, status: int = 200) -> HttpResponse:
    context = {"environment": passed.environment, "form": form, "back": environment_address(passed.environment)}
    return show_dialog(request, "backups/dialogs/add_package.html", context, status)


def _show_deploy(request: HttpRequest, passed: Passed, package: Package, form: DeployForm, status: int) -> HttpResponse:
    here = Here(passed)
    context = {
        "here": here,
        "environment": passed.environment,
        "package": package,
        "fits": compare_with_live(package, here.live),
        "form": form,
        "back": environment_address(passed.environment),
    }
    return show_dialog(request, "backups/dialogs/deploy.html", context, status)
