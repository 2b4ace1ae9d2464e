"""What row 10 is measured against: a Django of one view that keeps a multipart form's file, as its tutorial shows."""

import os

from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import re_path

settings.configure(
    SECRET_KEY="of no use",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MEDIA_ROOT=os.environ["BENCH_FORM_FOLDER"],
    FILE_UPLOAD_TEMP_DIR=os.environ["BENCH_FORM_FOLDER"],
)


def keep(request: HttpRequest) -> HttpResponse:
    for upload in request.FILES.values():
        FileSystemStorage().save("uploaded", upload)
    return HttpResponse("kept")


urlpatterns = [re_path("", keep)]
application = get_wsgi_application()
